/** How many rows the page asks for, and in which steps its window moves. */
export const WINDOW = 240;
const STEP = 40;

/**
 * Where the window must begin so that the rows from `first` to `last` are in it with some to spare; the present offset
 * when it will do.
 */
export function windowOffset(offset: number, first: number, last: number): number {
  const spare = STEP / 2;
  if (first >= offset && last < offset + WINDOW - spare && (offset === 0 || first >= offset + spare)) return offset;
  const middle = (first + last) / 2 - WINDOW / 2;
  return Math.max(0, Math.floor(middle / STEP) * STEP);
}
