/** Until the next attempts, in milliseconds. A container that starts changes the network more than once. */
const PAUSES = [300, 900];

/** Does something that may fail, and when it does, again after a moment, twice at most. */
export async function again<T>(attempt: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return attempt();
}
