/** The function, computed once for each argument (an object that never changes), and kept as long as the argument. */
export const onceFor = <A extends object, R>(compute: (argument: A) => R): ((argument: A) => R) => {
  const known = new WeakMap<A, { readonly result: R }>();
  return (argument) => {
    const found = known.get(argument) ?? { result: compute(argument) };
    known.set(argument, found);
    return found.result;
  };
};
