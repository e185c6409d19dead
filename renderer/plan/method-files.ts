import { methodName, type MethodName } from '../../main/contract/plan.ts';
import { candidateName } from '../../main/contract/sweep.ts';

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

/** The name, with a number where it is `taken`. */
const numbered = (base: string, taken: readonly string[]): string | undefined =>
  [base, ...taken.map((_, index) => `${base}-${index + 2}`)].find((name) => !taken.includes(name));

/**
 * Method name of an imported ranking or plan in a sweep: derived from the file name, with a number added if it is
 * `taken` by a method or another file.
 */
export const methodNameOfFile = (file: string, taken: readonly string[]): MethodName => {
  const name = slug(file);
  const base = methodName.safeParse(name).success ? name : 'file';
  return methodName.parse(numbered(base, taken));
};

/** Name of the curve of a checkpoint folder: that of the folder, with a number added if it is `taken`. */
export const candidateNameOfFolder = (path: string, taken: readonly string[]): string => {
  const last = path.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const name = last.replace(/[^A-Za-z0-9 ._+-]+/g, '-').replace(/^[^A-Za-z]+/, '');
  const base = (name === '' ? 'folder' : name).slice(0, 60);
  return candidateName.parse(numbered(base, taken));
};
