// Who works on a row together: a thread alone, for adapters that are slow at barriers.

const WG = 1u;

fn sum_of_all(value: f32, thread: u32) -> f32 { return value; }
fn most_of_all(value: f32, thread: u32) -> f32 { return value; }
