import { useStore } from 'zustand';
import { type MethodOption, methodOption, type MethodPage } from '../../../main/contract/method.ts';
import type { MethodOptions as OptionValues } from '../../../main/contract/plan.ts';
import type { Setting } from '../../../main/contract/setting.ts';
import { Checkbox } from '../../components/choices.tsx';
import { SettingField, SettingLabel } from '../../components/setting-field.tsx';
import { selectionStore } from '../../state/selection-store.ts';

type OptionValue = OptionValues[string];

/** Names with a hyphen of their own. */
const ownWords: Readonly<Partial<Record<string, string>>> = { 'k-means': 'k-means', 'cluster-qr': 'cluster QR' };

/** "switchAfter" and "most-active" in words. */
export const inWords = (name: string): string =>
  ownWords[name] ?? name.replaceAll('-', ' ').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** The value of an option for that of its field: some options choose among numbers. */
export const valueOfField = (option: MethodOption, value: unknown): OptionValue => {
  const given = methodOption.shape.default.parse(value);
  return option.kind === 'choice' && typeof option.default === 'number' ? Number(given) : given;
};

export const isDefault = (option: MethodOption, value: OptionValue): boolean => value === option.default;

/** "UNCURL options", with the number of changed options. */
export const optionsSummary = (title: string, changed: OptionValues | undefined): string => {
  const count = Object.keys(changed ?? {}).length;
  return `${title} options${count === 0 ? '' : `, ${count} changed`}`;
};

/** An option as a field shows it. An empty number means the default. */
export const settingOfOption = (option: MethodOption): Setting => {
  const usual = option.default === null ? 'none' : String(option.default);
  return {
    name: option.name,
    label: inWords(option.name),
    help: option.help,
    kind: option.kind === 'number' ? 'real' : option.kind,
    choices: option.choices,
    words: Object.fromEntries(option.choices.map((choice) => [choice, inWords(choice)])),
    isOptional: option.kind === 'number',
    default: option.default,
    otherwise: inWords(usual),
    hint: usual,
    range: '',
    least: null,
    most: null,
    fits: () => true,
  };
};

/** All options of a method; only values that differ from the default are stored. */
export const MethodOptions = ({ page }: { readonly page: MethodPage }) => {
  const values: OptionValues = useStore(selectionStore, ({ plan }) => plan.options[page.name]) ?? {};
  const { choosePlanOption, endDrag } = selectionStore.getState();
  const choose = (option: MethodOption, value: OptionValue): void =>
    choosePlanOption(page.name, option.name, isDefault(option, value) ? undefined : value);
  const shown = (option: MethodOption): OptionValue => values[option.name] ?? option.default;
  const switches = page.options.filter(({ kind }) => kind === 'switch');
  return (
    <div className="stack">
      <div className="option-grid">
        {page.options
          .filter(({ kind }) => kind !== 'switch')
          .map((option) => (
            <SettingField
              key={option.name}
              stacked
              setting={settingOfOption(option)}
              value={option.kind === 'choice' ? String(shown(option)) : shown(option)}
              onChange={(value) => choose(option, valueOfField(option, value))}
              onBlur={endDrag}
            />
          ))}
      </div>
      {switches.length > 0 && (
        <div className="choice-row">
          {switches.map((option) => (
            <Checkbox key={option.name} checked={shown(option) === true} onChange={(value) => choose(option, value)}>
              <SettingLabel setting={settingOfOption(option)} />
            </Checkbox>
          ))}
        </div>
      )}
    </div>
  );
};
