import { useId } from 'react';
import { useStore } from 'zustand';
import { Definition } from '../../components/definition.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { finetuneStore } from '../../state/finetune-store.ts';
import type { FinetuneNumber } from '../../state/finetune-store.ts';
import { numberFields, wrongNumbers } from './finetune-input.ts';

const terms: Readonly<Partial<Record<FinetuneNumber, DefinitionName>>> = {
  rate: 'finetuneRate',
  epochs: 'finetuneEpochs',
  batch: 'finetuneBatch',
  length: 'finetuneLength',
};

/** A number of the settings; one that the contract refuses is marked. */
export const NumberField = ({
  name,
  disabled = false,
}: {
  readonly name: FinetuneNumber;
  readonly disabled?: boolean;
}) => {
  const state = useStore(finetuneStore);
  const id = useId();
  const { label } = numberFields[name];
  const term = terms[name];
  const value = state.numbers[name];
  return (
    <div className="field field-stacked">
      <label htmlFor={id}>{term === undefined ? label : <Definition of={term}>{label}</Definition>}</label>
      <input
        id={id}
        className="input"
        type="number"
        step={name === 'rate' ? 'any' : 1}
        value={Number.isFinite(value) ? value : ''}
        disabled={disabled}
        aria-invalid={wrongNumbers(state).includes(name)}
        onChange={(event) => state.chooseNumber(name, event.target.valueAsNumber)}
      />
    </div>
  );
};
