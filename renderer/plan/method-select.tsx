import { useStore } from 'zustand';
import type { MethodPage } from '../../main/contract/method.ts';
import type { MethodName } from '../../main/contract/plan.ts';
import { IconButton } from '../components/button.tsx';
import { Select } from '../components/choices.tsx';
import { Definition } from '../components/definition.tsx';
import { useQuery } from '../engine/engine-context.tsx';
import { methodsStore } from '../state/dialog-stores.ts';
import { selectionStore } from '../state/selection-store.ts';
import { methodTitle } from '../../main/words/methods.ts';

interface MethodGroup {
  readonly title: string;
  /** Describes the group. */
  readonly text: string;
  readonly pages: readonly MethodPage[];
}

const kinds = [
  {
    title: 'Drop',
    text: 'keep some experts, drop the others',
    holds: ({ kind, needs }: MethodPage) => kind === 'drop' && needs !== 'search' && needs !== 'fit',
  },
  {
    title: 'Merge',
    text: 'merge each group of experts into one',
    holds: ({ kind, needs }: MethodPage) => kind === 'merge' && needs !== 'search',
  },
  {
    title: 'Search',
    text: 'measure many candidates in a sweep',
    holds: ({ kind, needs }: MethodPage) => needs === 'search' || (needs === 'fit' && kind === 'drop'),
  },
] as const;

/** Methods grouped by what they do, in their usual order; empty groups are left out. */
export const methodGroups = (pages: readonly MethodPage[]): readonly MethodGroup[] =>
  kinds
    .map(({ title, text, holds }) => ({ title, text, pages: pages.filter(holds) }))
    .filter((group) => group.pages.length > 0);

const NONE: readonly MethodPage[] = [];

/** Pages of all methods, fetched once. Empty until the engine has answered. */
export const useMethodPages = (): readonly MethodPage[] => useQuery('methods.list', {}).data ?? NONE;

export const useMethodPage = (method: MethodName): MethodPage | undefined =>
  useMethodPages().find(({ name }) => name === method);

/** Opens the page of a method. */
export const AboutMethod = ({ method }: { readonly method: MethodName }) => (
  <IconButton
    icon="info"
    className="about-method"
    label={`About ${methodTitle(method)}`}
    onClick={() => methodsStore.getState().show(method)}
  />
);

/** Cannot clash with a method name, which contains no colon. */
const FROM_FILE = 'file:';

interface MethodSelectProps {
  readonly canImport: boolean;
  /** Lets the user choose a file that replaces the method. */
  readonly onFile: () => void;
}

/** All methods, grouped by what they do with experts, and a button to the page of the chosen one. */
export const MethodSelect = ({ canImport, onFile }: MethodSelectProps) => {
  const method = useStore(selectionStore, (state) => state.method);
  const groups = methodGroups(useMethodPages());
  const options =
    groups.length === 0
      ? [{ value: method, label: methodTitle(method) }]
      : groups.flatMap(({ title, text, pages }) =>
          pages.map(({ name }) => ({ value: name, label: methodTitle(name), group: `${title}: ${text}` })),
        );
  const ofFile = { value: FROM_FILE, label: 'From a file…', group: 'File: a ranking or plans from any program' };
  return (
    <div className="method-select">
      <Select
        label={<Definition of="method" />}
        value={method}
        options={canImport ? [...options, ofFile] : options}
        onChange={(value) => (value === FROM_FILE ? onFile() : selectionStore.getState().chooseMethod(value))}
      />
      <AboutMethod method={method} />
    </div>
  );
};
