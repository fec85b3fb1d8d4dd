// What a step is: its tokens, spans and outputs, written by src/backends/webgpu/step.ts.

@group(0) @binding(0) var<storage, read> step: array<u32>;

const NONE = 0xffffffffu;

// 0: tokens, 1: outputs
fn row_count(of_outputs: u32) -> u32 { return step[of_outputs]; }
fn token_count() -> u32 { return step[0]; }
fn output_count() -> u32 { return step[1]; }
fn span_count() -> u32 { return step[2]; }

fn token_id(t: u32) -> u32 { return step[step[3] + 4u * t]; }
fn token_segment(t: u32) -> u32 { return step[step[3] + 4u * t + 1u]; }
fn token_position(t: u32) -> u32 { return step[step[3] + 4u * t + 2u]; }
fn token_span(t: u32) -> u32 { return step[step[3] + 4u * t + 3u]; }

// Index of its first token, its tokens, the position of the first one.
fn span_start(s: u32) -> u32 { return step[step[4] + 8u * s]; }
fn span_tokens(s: u32) -> u32 { return step[step[4] + 8u * s + 1u]; }
fn span_position(s: u32) -> u32 { return step[step[4] + 8u * s + 2u]; }
// Slots of states; NONE: it begins, or nobody goes on from it.
fn span_state_from(s: u32) -> u32 { return step[step[4] + 8u * s + 3u]; }
fn span_state_to(s: u32) -> u32 { return step[step[4] + 8u * s + 4u]; }
// The page that holds positions [i * pageTokens, (i + 1) * pageTokens).
fn span_page(s: u32, i: u32) -> u32 { return step[step[step[4] + 8u * s + 5u] + i]; }

// Index of an output's token.
fn output_token(o: u32) -> u32 { return step[step[5] + o]; }

// Rows of logits whose largest are wanted: of which output, how many, for how many there is room, from where on in results.
fn top_output(i: u32) -> u32 { return step[step[6] + 4u * i]; }
fn top_wanted(i: u32) -> u32 { return step[step[6] + 4u * i + 1u]; }
fn top_room(i: u32) -> u32 { return step[step[6] + 4u * i + 2u]; }
fn top_place(i: u32) -> u32 { return step[step[6] + 4u * i + 3u]; }
