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
 * What a ranking or plans are called as a method of a sweep: after the file, in the words of methods, told apart from
 * the names that are `taken` (methods, other files) by a number.
 */
export const methodNameOfFile = (file: string, taken: readonly string[]): MethodName => {
  const name = slug(file);
  const base = methodName.safeParse(name).success ? name : 'file';
  const names = [base, ...Array.from({ length: taken.length + 1 }, (_, index) => `${base}-${index + 2}`)];
  return methodName.parse(names.find((one) => !taken.includes(one)));
};
