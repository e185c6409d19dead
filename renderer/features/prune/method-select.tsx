import { useStore } from 'zustand';
import { Definition } from '../../components/definition.tsx';
import { Select } from '../../components/select.tsx';
import { methodName } from '../../../main/contract/plan.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { AboutMethod } from '../methods/about-method.tsx';
import { methodGroups } from '../methods/method-groups.ts';
import { useMethodPages } from '../methods/use-method-page.ts';
import { methodTitle } from './methods.ts';

interface MethodSelectProps {
  readonly stacked?: boolean;
  readonly disabled?: boolean;
}

/** Every method, grouped by what it does with experts, and the way to its page. */
export const MethodSelect = ({ stacked = false, disabled = false }: MethodSelectProps) => {
  const method = useStore(selectionStore, (state) => state.method);
  const groups = methodGroups(useMethodPages());
  const options =
    groups.length === 0
      ? methodName.options.map((value) => ({ value, label: methodTitle(value) }))
      : groups.flatMap(({ title, text, pages }) =>
          pages.map(({ name }) => ({ value: name, label: methodTitle(name), group: `${title}: ${text}` })),
        );
  return (
    <div className={stacked ? 'method-select method-select-stacked' : 'method-select'}>
      <Select
        stacked={stacked}
        label={<Definition of="method" />}
        value={method}
        disabled={disabled}
        options={options}
        onChange={(value) => selectionStore.getState().chooseMethod(value)}
      />
      <AboutMethod method={method} />
    </div>
  );
};
