/** Makes a switch over a union exhaustive: a new member is a compile error here, and a loud one at run time. */
export const assertNever = (value: never): never => {
  throw new Error(`unexpected value ${JSON.stringify(value)}`);
};
