import { refuse } from '../contract/errors.ts';

/** Names appear in tensor names, file names and tables. */
const TASK_NAME = /^[^\s/\\\p{C}](?:[^/\\\p{C}]{0,126}[^\s/\\\p{C}])?$/u;

/** The name itself; refuses one that cannot be used, which `place` gave. */
export const checkTaskName = (name: string, place: string): string => {
  if (!TASK_NAME.test(name)) {
    throw refuse('bad-task', `${place}: the name ${JSON.stringify(name)} cannot be used.`, 'Use 1 to 128 characters without slashes, control characters or outer spaces.');
  }
  return name;
};
