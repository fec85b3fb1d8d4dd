// How rows lie in a buffer of activations: `stride` floats apart, zeros after the last value.

fn stride(width: u32) -> u32 { return (width + 31u) & ~31u; }
