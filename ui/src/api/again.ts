/** Until the second attempt, in milliseconds: the network has changed by then. */
const PAUSE = 300;

/** Does something that may fail, and when it does, once more after a moment. */
export async function again<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    return attempt();
  }
}
