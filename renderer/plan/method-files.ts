import { methodName } from '../../main/contract/plan.ts';
import type { MethodName } from '../../main/contract/plan.ts';

const LONGEST = 40;

const slug = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\.[a-z0-9]+$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, LONGEST - 3)
    .replace(/-+$/, '');

/**
 * Method name of an imported ranking or plan in a sweep: derived from the file name, with a number added if it is
 * `taken` by a method or another file.
 */
export const methodNameOfFile = (file: string, taken: readonly string[]): MethodName => {
  const name = slug(file);
  const base = methodName.safeParse(name).success ? name : 'file';
  const names = [base, ...Array.from({ length: taken.length + 1 }, (_, index) => `${base}-${index + 2}`)];
  return methodName.parse(names.find((one) => !taken.includes(one)));
};
