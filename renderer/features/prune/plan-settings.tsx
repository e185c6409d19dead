import { useId } from 'react';
import { useStore } from 'zustand';
import type { ModelInfo } from '../../../main/contract/model.ts';
import { Definition } from '../../components/definition.tsx';
import { Disclosure } from '../../components/disclosure.tsx';
import { Select } from '../../components/select.tsx';
import { focusedTask } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { planStore } from '../../state/plan-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { FactorSlider } from './factor-slider.tsx';
import { methodText, methodTitle, offeredMethods } from './methods.ts';
import { UncurlSettings } from './uncurl-settings.tsx';

export const PlanSettings = ({ model }: { readonly model: { readonly name: string; readonly info: ModelInfo } }) => {
  const facts = useFacts();
  const settings = useStore(planStore);
  const seedId = useId();
  const { method, tasks } = facts.selection;
  const { title, description, kind } = methodText(method);
  return (
    <section className="card" aria-label="Plan settings">
      <h3>Plan for {model.name}</h3>
      <FactorSlider counts={model.info} />
      <div className="field-row">
        <Select
          stacked
          label={<Definition of="method" />}
          value={method}
          options={offeredMethods.map((value) => ({ value, label: methodTitle(value) }))}
          onChange={(value) => selectionStore.getState().chooseMethod(value)}
        />
        <Select
          stacked
          label={<Definition of="madeFor" />}
          value={settings.madeFor}
          disabled={method === 'random'}
          options={[
            { value: 'task', label: focusedTask(facts)?.title ?? 'the task in focus' },
            { value: 'ticked', label: `all ticked tasks (${tasks.length})` },
          ]}
          onChange={settings.chooseMadeFor}
        />
        <Select
          stacked
          label={<Definition of="budget" />}
          value={method === 'uncurl' ? 'uniform' : settings.budget}
          disabled={kind === 'merge' || method === 'random'}
          options={[
            { value: 'uniform', label: 'uniform' },
            { value: 'global', label: 'global' },
          ]}
          onChange={settings.chooseBudget}
        />
        {method === 'random' && (
          <div className="field-stacked">
            <label htmlFor={seedId}>
              <Definition of="seed" />
            </label>
            <input
              id={seedId}
              className="input"
              type="number"
              min={0}
              step={1}
              value={settings.seed}
              onChange={(event) => settings.chooseSeed(Math.max(0, Math.round(event.target.valueAsNumber || 0)))}
            />
          </div>
        )}
      </div>
      <p className="method-text">
        <strong>{title}.</strong> {description}
      </p>
      {method === 'uncurl' && (
        <Disclosure summary="UNCURL options">
          <UncurlSettings />
        </Disclosure>
      )}
    </section>
  );
};
