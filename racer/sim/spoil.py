"""Faults as scripts: what goes over the wire when a fault strikes a request that was understood."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from racer.sim.cutting import cut_script
from racer.sim.profile import Pace
from racer.sim.scene import REFUSALS, Scene, fault_refusal
from racer.sim.script import (
    Flood,
    Hang,
    Reset,
    Script,
    Send,
    healthy_script,
    reply_script,
    stream_script,
    timed_frames,
)
from racer.sim.words import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from racer.sim.exchange import Call, Turn, Wire
    from racer.sim.fault import Fault

BLOCK = 1024 * 1024
FILLER = "lorem " * 2700
HTML = b"""<!DOCTYPE html>
<html><head><title>Just a moment...</title></head>
<body><h1>Checking your browser before you go on</h1></body></html>
"""
PLAIN = b"upstream connect error or disconnect/reset before headers"


def spoiled_script(wire: Wire, turn: Turn, pace: Pace, fault: Fault) -> Script:
    scene = Scene(wire, turn, pace, fault)
    return _refused(scene) if fault.kind in REFUSALS else SCRIPTS[fault.kind](scene)


def _refused(scene: Scene) -> Script:
    return reply_script(
        scene.wire.refuse(fault_refusal(scene.turn, scene.fault), scene.turn.moment), scene.delay
    )


def _ok(scene: Scene, body: bytes, content_type: str | None = None) -> Script:
    """A 200 with `body`, whole. `content_type` in the place of the right one."""
    headers = scene.headers() if content_type is None else {"content-type": content_type}
    return Script(
        200, headers, (Send(scene.delay, body),) if body else (), opens=scene.delay, length=len(body)
    )


def _part(scene: Scene, *, share: float = 0.5, tokens: int | None = None) -> tuple[Send, ...]:
    """The first part of a stream: opening and some of the tokens, at the pace of a healthy one."""
    frames = scene.frames()
    count = int(len(frames.tokens) * share) if tokens is None else tokens
    cut = replace(frames, tokens=frames.tokens[:count], closing=b"")
    return tuple(send for send in timed_frames(cut, scene.pace) if send.data)


def _streamed(scene: Scene, *steps: Send | Reset | Hang | Flood) -> Script:
    return stream_script(scene.frames(), steps, scene.pace, scene.turn.moment.provider.chunks)


def _last(steps: tuple[Send, ...], scene: Scene) -> float:
    return steps[-1].at if steps else scene.pace.first


def _reset_before(scene: Scene) -> Script:
    return Script(0, {}, (Reset(scene.delay),), opens=None)


def _reset_mid(scene: Scene) -> Script:
    if scene.stream:
        steps = _part(scene)
        return _streamed(scene, *steps, Reset(_last(steps, scene)))
    reply, at = scene.whole(), scene.delay
    half = Send(at, reply.body[: len(reply.body) // 2])
    return Script(200, reply.headers, (half, Reset(at)), opens=at, length=len(reply.body))


def _hang(scene: Scene) -> Script:
    return Script(0, {}, (Hang(),), opens=None)


def _hang_after_headers(scene: Scene) -> Script:
    return Script(200, scene.headers(), (Hang(),))


def _keepalive_only(scene: Scene) -> Script:
    frames = scene.frames()
    comment = frames.comment if scene.stream else b"\n"
    return Script(200, scene.headers(), (Flood(0.0, comment, scene.fault.gap),))


def _slow_drip(scene: Scene) -> Script:
    pace = Pace(first=scene.delay, gap=scene.fault.gap)
    if scene.stream:
        return healthy_script(scene.wire, scene.turn, pace)
    reply = scene.whole()
    sends = tuple(Send(pace.first + n * pace.gap, reply.body[n : n + 1]) for n in range(len(reply.body)))
    return Script(200, reply.headers, sends, opens=pace.first, length=len(reply.body))


def _empty_200(scene: Scene) -> Script:
    return _ok(scene, b"")


def _answered(scene: Scene) -> Script:
    return healthy_script(scene.wire, scene.turn, scene.pace)


def _empty_content(scene: Scene) -> Script:
    return _answered(scene.said())


def _whitespace(scene: Scene) -> Script:
    return _answered(scene.said(" ", "\n", " \n"))


def _reasoning_only(scene: Scene) -> Script:
    thoughts = scene.turn.answer.reasoning or ("The user", " asks", " for", " an", " answer.")
    return _answered(scene.said(reasoning=thoughts))


def _done_only(scene: Scene) -> Script:
    return _ok(scene, scene.said().frames().end)


def _error_200(scene: Scene) -> Script:
    reply = scene.wire.refuse(fault_refusal(scene.turn, scene.fault), scene.turn.moment)
    return reply_script(replace(reply, status=200), scene.delay)


def _error_frame(scene: Scene) -> Script:
    if not scene.stream:
        return _error_200(scene)
    steps = _part(scene, tokens=scene.fault.tokens)
    frame = scene.wire.error_frame(fault_refusal(scene.turn, scene.fault), scene.turn)
    return _streamed(scene, *steps, Send(_last(steps, scene), frame))


def _html_200(scene: Scene) -> Script:
    return _ok(scene, HTML, "text/html; charset=utf-8")


def _wrong_type(scene: Scene) -> Script:
    return _ok(scene, PLAIN, scene.fault.content_type)


def _half_json(scene: Scene) -> Script:
    if not scene.stream:
        body = scene.whole().body
        return _ok(scene, body[: len(body) // 2])
    steps = _part(scene)
    frame = (scene.frames().tokens or (scene.frames().closing,))[-1]
    return _streamed(scene, *steps, Send(_last(steps, scene), frame[: len(frame) // 2]))


def _role_then_silence(scene: Scene) -> Script:
    if not scene.stream:
        return _hang_after_headers(scene)
    opening = scene.frames().opening or scene.said("").frames().tokens[0]
    return _streamed(scene, Send(scene.pace.first, opening), Hang())


def _truncated(scene: Scene) -> Script:
    return _streamed(scene, *_part(scene)) if scene.stream else _half_json(scene)


def _bad_arguments(scene: Scene) -> Script:
    """Every call breaks off in its arguments, and the provider takes no notice."""
    return _called(scene, lambda call: replace(call, tokens=cut(call.text[: len(call.text) // 2])))


def _unknown_tool(scene: Scene) -> Script:
    """Every call is one of a tool that nobody offered."""
    return _called(scene, lambda call: replace(call, name=f"no_such_{call.name}"))


def _called(scene: Scene, change: Callable[[Call], Call]) -> Script:
    answer = scene.turn.answer
    changed = replace(answer, calls=tuple(change(call) for call in answer.calls))
    return _answered(replace(scene, turn=replace(scene.turn, answer=changed)))


def _redirect(scene: Scene) -> Script:
    return Script(307, {"location": scene.fault.location}, (), opens=scene.delay, length=0)


def _too_large(scene: Scene) -> Script:
    """Well-formed as far as it goes, but it goes on for ever."""
    if not scene.stream:
        body = scene.whole().body
        return Script(
            200, scene.headers(), (Send(0.0, body[: len(body) // 2]), Flood(0.0, FILLER.encode(), 0.0))
        )
    endless = scene.said(FILLER)
    frame = endless.frames().tokens[0]
    return _streamed(scene, Send(scene.delay, scene.frames().opening), Flood(scene.delay, frame, 0.0))


def _gzip_bomb(scene: Scene) -> Script:
    """Blanks, a thousand to the byte. The blocks are alike, so one is compressed and sent many times."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    head = squeeze.compress(b" ") + squeeze.flush(zlib.Z_FULL_FLUSH)
    block = squeeze.compress(b" " * BLOCK) + squeeze.flush(zlib.Z_FULL_FLUSH)
    body = head + block * (scene.fault.size // BLOCK)
    headers = {**scene.headers(), "content-encoding": "gzip"}
    return Script(200, headers, (Send(scene.delay, body),), opens=scene.delay, length=len(body))


SCRIPTS: Mapping[str, Callable[[Scene], Script]] = {
    "reset_before": _reset_before,
    "reset_mid": _reset_mid,
    "hang": _hang,
    "hang_after_headers": _hang_after_headers,
    "keepalive_only": _keepalive_only,
    "slow_drip": _slow_drip,
    "empty_200": _empty_200,
    "empty_content": _empty_content,
    "done_only": _done_only,
    "error_200": _error_200,
    "error_frame": _error_frame,
    "html_200": _html_200,
    "half_json": _half_json,
    "wrong_type": _wrong_type,
    "role_then_silence": _role_then_silence,
    "truncated": _truncated,
    "cut": cut_script,
    "bad_arguments": _bad_arguments,
    "unknown_tool": _unknown_tool,
    "whitespace": _whitespace,
    "reasoning_only": _reasoning_only,
    "redirect": _redirect,
    "too_large": _too_large,
    "gzip_bomb": _gzip_bomb,
}
