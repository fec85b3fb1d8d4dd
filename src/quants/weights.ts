// What the squared errors of the values of a block weigh in a search.

/** As their importance says, in parts of the largest; but no value counts for nothing: some codes have to be the best. */
export function weightsOf(count: number, importance: Float32Array | undefined): Float32Array {
  if (!importance) return new Float32Array(count).fill(1);
  const largest = Math.max(...importance) || 1;
  return importance.map((weight) => weight / largest + 2 ** -30);
}
