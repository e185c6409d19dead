import { useStore } from 'zustand';
import type { MethodOption, MethodPage } from '../../../main/contract/method.ts';
import type { MethodOptions as OptionValues } from '../../../main/contract/plan.ts';
import { Checkbox, Select } from '../../components/choices.tsx';
import { NumberField } from '../../components/number-input.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { selectionStore } from '../../state/selection-store.ts';

type OptionValue = OptionValues[string];

/** Names with a hyphen of their own. */
const ownWords: Readonly<Partial<Record<string, string>>> = { 'k-means': 'k-means', 'cluster-qr': 'cluster QR' };

/** "switchAfter" and "most-active" in words. */
export const inWords = (name: string): string =>
  ownWords[name] ?? name.replaceAll('-', ' ').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** Converts a choice to the option's type: some options choose among numbers. */
export const valueOfChoice = (option: MethodOption, choice: string): OptionValue =>
  typeof option.default === 'number' ? Number(choice) : choice;

/** Parses a number field; an empty one means the default. */
export const numberOf = (option: MethodOption, value: number): OptionValue =>
  Number.isFinite(value) ? value : option.default;

export const isDefault = (option: MethodOption, value: OptionValue): boolean => value === option.default;

/** "UNCURL options", with the number of changed options. */
export const optionsSummary = (title: string, changed: OptionValues | undefined): string => {
  const count = Object.keys(changed ?? {}).length;
  return `${title} options${count === 0 ? '' : `, ${count} changed`}`;
};

/** All options of a method; only values that differ from the default are stored. */
export const MethodOptions = ({ page }: { readonly page: MethodPage }) => {
  const values: OptionValues = useStore(selectionStore, ({ plan }) => plan.options[page.name]) ?? {};
  const choose = (option: MethodOption, value: OptionValue): void =>
    selectionStore.getState().choosePlanOption(page.name, option.name, isDefault(option, value) ? undefined : value);
  const shown = (option: MethodOption): OptionValue => values[option.name] ?? option.default;
  const switches = page.options.filter(({ kind }) => kind === 'switch');
  return (
    <div className="stack">
      <div className="option-grid">
        {page.options
          .filter(({ kind }) => kind !== 'switch')
          .map((option) => (
            <OptionField
              key={option.name}
              option={option}
              value={shown(option)}
              onChange={(value) => choose(option, value)}
            />
          ))}
      </div>
      {switches.length > 0 && (
        <div className="choice-row">
          {switches.map((option) => (
            <Checkbox key={option.name} checked={shown(option) === true} onChange={(value) => choose(option, value)}>
              <OptionName option={option} />
            </Checkbox>
          ))}
        </div>
      )}
    </div>
  );
};

const OptionName = ({ option }: { readonly option: MethodOption }) => (
  <Tooltip
    className="definition"
    content={
      <>
        <strong>{inWords(option.name)}</strong>
        <p>{option.help}</p>
        <p>Default: {option.default === null ? 'none' : inWords(String(option.default))}.</p>
      </>
    }
  >
    {inWords(option.name)}
  </Tooltip>
);

interface OptionFieldProps {
  readonly option: MethodOption;
  readonly value: OptionValue;
  readonly onChange: (value: OptionValue) => void;
}

const OptionField = ({ option, value, onChange }: OptionFieldProps) => {
  if (option.kind === 'choice') {
    return (
      <Select
        stacked
        label={<OptionName option={option} />}
        value={String(value)}
        options={option.choices.map((choice) => ({ value: choice, label: inWords(choice) }))}
        onChange={(choice) => onChange(valueOfChoice(option, choice))}
      />
    );
  }
  return (
    <NumberField
      label={<OptionName option={option} />}
      stacked
      step="any"
      value={typeof value === 'number' ? value : null}
      accepts={() => true}
      placeholder={option.default === null ? 'none' : String(option.default)}
      onChange={(typed) => onChange(numberOf(option, typed ?? Number.NaN))}
      onBlur={selectionStore.getState().endDrag}
    />
  );
};
