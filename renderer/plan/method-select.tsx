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
import { methodGroups } from './methods.ts';

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
