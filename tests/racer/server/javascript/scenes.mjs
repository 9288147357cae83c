// The official OpenAI client for JavaScript, one scene a run: `node scenes.mjs SCENE BASE_URL [KEY]`.
// What it has seen goes to stdout as one JSON object.

import OpenAI from "openai";

const [scene, baseURL, apiKey = "any"] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 10_000 });

const messages = [{ role: "user", content: "What is the weather in Rome?" }];
const ask = (more) => client.chat.completions.create({ model: "auto", messages, ...more });

const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const tools = { tools: [weather], tool_choice: "required" };

const schema = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};

const pixel = Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), Buffer.alloc(32, "0")]);

// The clock that the simulator's counters are in, too.
const now = () => Number(process.hrtime.bigint()) / 1e9;

const names = Object.entries(OpenAI).filter(([, value]) => value?.prototype instanceof Error);

// The name by which the package exports the class: programs catch by it.
function seen(error) {
  const [name] = names.find(([, type]) => error?.constructor === type) ?? [String(error)];
  const { status = null, code = null, param = null } = error;
  return { name, status, code, param, api: error instanceof OpenAI.APIError };
}

async function caught(asking) {
  try {
    await asking();
  } catch (error) {
    return seen(error);
  }
  return null;
}

const scenes = {
  async whole() {
    const { data, response } = await ask().withResponse();
    return { answer: data, provider: response.headers.get("x-racer-provider") };
  },

  async streamed() {
    const chunks = [];
    for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
      chunks.push(chunk);
    }
    return { chunks, helped: await scenes.helper() };
  },

  async helper() {
    const deltas = [];
    const stream = client.chat.completions.stream({ model: "auto", messages });
    stream.on("content", (delta) => deltas.push(delta));
    return { answer: await stream.finalChatCompletion(), said: deltas.join("") };
  },

  async tools() {
    const whole = (await ask(tools)).choices[0];
    const streamed = await client.chat.completions
      .stream({ model: "auto", messages, ...tools })
      .finalChatCompletion();
    const result = { role: "tool", tool_call_id: whole.message.tool_calls[0].id, content: "12 degrees" };
    const last = await ask({ messages: [...messages, whole.message, result], tools: [weather] });
    return { whole, streamed: streamed.choices[0], last: last.choices[0] };
  },

  async runner() {
    const heard = [];
    const runner = client.chat.completions.runTools(
      {
        model: "auto",
        messages,
        tools: [
          {
            type: "function",
            function: {
              ...weather.function,
              parse: JSON.parse,
              function: ({ city }) => {
                heard.push(city);
                return "12 degrees";
              },
            },
          },
        ],
        tool_choice: { type: "function", function: { name: "get_weather" } },
      },
      { maxChatCompletions: 1 },
    );
    await runner.done();
    return { heard, roles: runner.messages.map((message) => message.role) };
  },

  async schema() {
    const answer = await client.chat.completions.parse({
      model: "auto",
      messages,
      response_format: { type: "json_schema", json_schema: { name: "weather", strict: true, schema } },
    });
    return { parsed: JSON.parse(answer.choices[0].message.content) };
  },

  async picture() {
    const url = `data:image/png;base64,${pixel.toString("base64")}`;
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url } },
    ];
    const answer = await ask({ messages: [{ role: "user", content }] });
    return { answer, sent: pixel.toString("base64") };
  },

  async models() {
    const found = [];
    for await (const model of client.models.list()) {
      found.push(model.id);
    }
    return { names: found, owner: (await client.models.retrieve("sim-a/m")).owned_by };
  },

  async mistakes() {
    return {
      model: await caught(() => ask({ model: "gpt-4o" })),
      n: await caught(() => ask({ n: 2 })),
      temperature: await caught(() => ask({ temperature: 9 })),
      messages: await caught(() => ask({ messages: [] })),
      origin: await caught(() =>
        client.chat.completions.create(
          { model: "auto", messages },
          { headers: { origin: "https://evil.example" } },
        ),
      ),
    };
  },

  async once() {
    return { error: await caught(() => ask()), streamed: await caught(() => ask({ stream: true })) };
  },

  async tokens() {
    const stranger = client.withOptions({ apiKey: "wrong" });
    return {
      wrong: await caught(() => stranger.chat.completions.create({ model: "auto", messages })),
      first: await caught(() => ask()),
      second: await caught(() => ask()),
    };
  },

  async breaks() {
    const said = [];
    const error = await caught(async () => {
      for await (const chunk of await ask({ stream: true })) {
        said.push(chunk.choices[0]?.delta?.content ?? "");
      }
    });
    return { said: said.join(""), error };
  },

  // Leaves three streams at their first chunk, and says when.
  async leaves() {
    const left = [];
    for (let round = 0; round < 3; round += 1) {
      const stream = await ask({ stream: true });
      for await (const _ of stream) {
        left.push(now());
        stream.controller.abort();
      }
      await new Promise((done) => setTimeout(done, 300));
    }
    return { left };
  },

  async aborts() {
    const control = new AbortController();
    setTimeout(() => control.abort(), 300);
    const asking = () => client.chat.completions.create({ model: "auto", messages }, { signal: control.signal });
    return { error: await caught(asking) };
  },
};

process.stdout.write(JSON.stringify(await scenes[scene]()));
