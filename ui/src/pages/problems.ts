import type { Problem } from '../api/contract';

/** Problems of one kind and namespace that are told in the same words are one thing to look at: the first stands for all. */
export function alike(problems: Problem[]): [Problem, ...Problem[]][] {
  const found = new Map<string, [Problem, ...Problem[]]>();
  for (const problem of problems) {
    const { group, resource, namespace, why } = problem;
    const key = JSON.stringify([group, resource, namespace, why.text]);
    const same = found.get(key);
    if (same) same.push(problem);
    else found.set(key, [problem]);
  }
  return [...found.values()];
}
