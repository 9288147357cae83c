// Server-sent events out of the body of an answer. EventSource cannot be used: it sends no token.

const END = /\r?\n\r?\n/;

/** `{ id, event, data }` one after the other; `stir` is called whenever anything has come at all. */
export async function* messagesOf(body, stir = () => {}) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    stir();
    const blocks = (rest + value).split(END);
    rest = blocks.pop();
    for (const block of blocks) {
      const message = messageOf(block);
      if (message.data !== "") yield message;
    }
  }
}

function messageOf(block) {
  const message = { id: "", event: "message", data: "" };
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "data") message.data += value;
    else if (field in message) message[field] = value;
  }
  return message;
}
