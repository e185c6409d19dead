import { useState } from 'react';
import { defaultText, type Setting } from '../../main/contract/setting.ts';
import { MOST_SEEDS } from '../../main/contract/bounds.ts';
import { formatMargin } from '../../main/words/numbers.ts';
import { Checkbox, Field, Select } from './choices.tsx';
import { NumberField } from './number-input.tsx';
import { Tooltip } from './tooltip.tsx';

/** The label of a setting, with its explanation on hover and focus. */
export const SettingLabel = ({ setting }: { readonly setting: Setting }) => {
  const { label, about, help, inPoints, default: usual } = setting;
  const isInPoints = inPoints === true && typeof usual === 'number';
  return (
    <Tooltip
      className="definition"
      content={
        <>
          <strong>{label}</strong>
          <p>{about ?? help}</p>
          <p>Default: {isInPoints ? formatMargin(usual) : defaultText(setting)}.</p>
        </>
      }
    >
      {inPoints === true ? `${label} (points)` : label}
    </Tooltip>
  );
};

interface SettingFieldProps {
  readonly setting: Setting;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  /** Receives invalid values, so that a form can say what is wrong. Absent: the last valid value stays. */
  readonly onRefused?: ((value: unknown) => void) | undefined;
  readonly onBlur?: (() => void) | undefined;
  readonly disabled?: boolean;
  /** Whether the label stands above the field instead of before it. */
  readonly stacked?: boolean;
}

/** The field of a setting: its label and the control of its kind. Invalid values are marked. */
export const SettingField = (props: SettingFieldProps) => {
  const { setting, value, onChange, disabled = false, stacked = false } = props;
  const { kind, choices, words = {} } = setting;
  const isTicked = kind === 'choice' && choices.length === 1;
  if (kind === 'switch' || isTicked)
    return (
      <Checkbox
        checked={isTicked ? value === choices[0] : value === true}
        disabled={disabled}
        onChange={(on) => onChange(on ? (isTicked ? choices[0] : true) : setting.default)}
      >
        <SettingLabel setting={setting} />
      </Checkbox>
    );
  if (kind === 'choice')
    return (
      <Select
        stacked={stacked}
        label={<SettingLabel setting={setting} />}
        value={typeof value === 'string' ? value : (choices[0] ?? '')}
        options={choices.map((choice) => ({ value: choice, label: words[choice] ?? choice }))}
        disabled={disabled}
        onChange={(choice) => onChange(setting.isOptional && choice === choices[0] ? setting.default : choice)}
      />
    );
  if (kind === 'list' && choices.length > 0) return <ListField {...props} />;
  return kind === 'whole' || kind === 'real' ? <NumberSetting {...props} /> : <TypedField {...props} />;
};

interface SettingFieldsProps {
  readonly settings: readonly Setting[];
  readonly values: Readonly<Record<string, unknown>>;
  readonly choose: (setting: string, value: unknown) => void;
}

/** Fields of settings under their labels. Invalid values are kept as typed, for the form to name. */
export const SettingFields = ({ settings, values, choose }: SettingFieldsProps) =>
  settings.map((setting) => {
    const take = (value: unknown): void => choose(setting.name, value);
    return (
      <SettingField
        key={setting.name}
        stacked
        setting={setting}
        value={values[setting.name]}
        onChange={take}
        onRefused={take}
      />
    );
  });

/** A checkbox for each choice of a list. None ticked gives the default, or an empty list, which its form names. */
const ListField = ({ setting, value, onChange, disabled = false, stacked }: SettingFieldProps) => {
  const { label, choices, words = {}, isOptional } = setting;
  /** A list that is left out means its first choice. */
  const first = choices.slice(0, 1);
  const ticked: readonly unknown[] = Array.isArray(value) ? value : first;
  const toggle = (choice: string): void => {
    const next = choices.filter((entry) => ticked.includes(entry) !== (entry === choice));
    onChange(isOptional && (next.length === 0 || String(next) === String(first)) ? setting.default : next);
  };
  const field = (
    <>
      <span className="field-label">
        <SettingLabel setting={setting} />
      </span>
      <div className="choice-row" role="group" aria-label={label}>
        {choices.map((choice) => (
          <Checkbox key={choice} checked={ticked.includes(choice)} disabled={disabled} onChange={() => toggle(choice)}>
            {words[choice] ?? choice}
          </Checkbox>
        ))}
      </div>
    </>
  );
  return stacked === true ? <div className="field-stacked">{field}</div> : field;
};

const POINTS = 100;
/** A share in percentage points, without the rounding of its product: 7, not 7.000000000000001. */
export const inPointsOf = (share: number): number => Number((POINTS * share).toPrecision(12));
export const shareOfPoints = (points: number): number => points / POINTS;

const NumberSetting = ({ setting, value, onChange, onRefused, onBlur, disabled, stacked }: SettingFieldProps) => {
  const { kind, fits, isOptional, inPoints = false, step } = setting;
  /** The value of the setting for a typed number; an empty field gives the default, or is invalid. */
  const meant = (typed: number | null): unknown =>
    typed === null ? (isOptional ? setting.default : Number.NaN) : inPoints ? shareOfPoints(typed) : typed;
  return (
    <NumberField
      label={<SettingLabel setting={setting} />}
      stacked={stacked}
      className={stacked === true ? '' : 'input-number'}
      min={kind === 'whole' && setting.least !== null ? setting.least : undefined}
      max={kind === 'whole' && setting.most !== null ? setting.most : undefined}
      step={step === undefined ? (kind === 'real' ? 'any' : 1) : inPoints ? inPointsOf(step) : step}
      value={typeof value !== 'number' || !Number.isFinite(value) ? null : inPoints ? inPointsOf(value) : value}
      placeholder={setting.hint ?? (isOptional ? defaultText(setting) : undefined)}
      disabled={disabled}
      accepts={(typed) => fits(meant(typed))}
      onChange={(typed) => onChange(meant(typed))}
      onRefused={(typed) => onRefused?.(meant(typed))}
      onBlur={onBlur}
    />
  );
};

const SEPARATORS = { list: ',', lines: '\n' } as const;

const firstSeeds = (count: number): readonly number[] => Array.from({ length: count }, (_, seed) => seed);

/** Seeds as typed: how many, where they are the first ones; else each. One seed alone keeps its comma: "7,". */
const seedsText = (seeds: readonly unknown[]): string => {
  if (seeds.every((seed, index) => seed === index)) return String(seeds.length);
  return seeds.length === 1 ? `${String(seeds[0])},` : seeds.join(', ');
};

/** A number alone is how many draws; seeds with commas are taken as they are. */
const typedSeeds = (text: string): unknown => {
  if (/^\s*\d+\s*$/.test(text)) return firstSeeds(Math.min(Number(text), MOST_SEEDS + 1));
  const parts = text.split(/[\s,;]+/u).filter((part) => part !== '');
  return [...new Set(parts)].map(Number);
};

const textOf = ({ kind }: Setting, value: unknown): string =>
  Array.isArray(value) && kind === 'count'
    ? seedsText(value)
    : Array.isArray(value)
      ? value.join(kind === 'lines' ? '\n' : ', ')
      : typeof value === 'string'
        ? value
        : '';

/** The value of the setting for a typed text; an empty one gives the default. */
const typedValue = ({ kind, default: usual }: Setting, text: string): unknown => {
  if (kind === 'count') return typedSeeds(text);
  if (kind !== 'list' && kind !== 'lines') return text.trim() === '' ? usual : text.trim();
  return text
    .split(SEPARATORS[kind])
    .map((part) => part.trim())
    .filter((part) => part !== '');
};

/** A text field, or a list separated by commas or line breaks. Keeps what is being typed until it loses the focus. */
const TypedField = ({ setting, value, onChange, onRefused, onBlur, disabled, stacked }: SettingFieldProps) => {
  const [typed, setTyped] = useState<string | null>(null);
  const isWrong = !setting.fits(typed === null ? value : typedValue(setting, typed));
  const field = (id: string) => ({
    id,
    className: setting.kind === 'count' ? 'input input-number' : 'input',
    value: typed ?? textOf(setting, value),
    placeholder: setting.hint ?? (setting.isOptional || setting.kind === 'list' ? defaultText(setting) : undefined),
    disabled,
    spellCheck: false,
    autoComplete: 'off',
    'aria-invalid': isWrong,
    'aria-describedby': isWrong ? `${id}-wrong` : undefined,
    onChange: ({ target }: { readonly target: { readonly value: string } }) => {
      const meant = typedValue(setting, target.value);
      setTyped(target.value);
      if (setting.fits(meant)) onChange(meant);
      else onRefused?.(meant);
    },
    onBlur: () => {
      // A refused value that the form holds stays as it was typed.
      if (!isWrong || onRefused === undefined) setTyped(null);
      onBlur?.();
    },
  });
  return (
    <Field label={<SettingLabel setting={setting} />} stacked={stacked}>
      {(id) => (
        <>
          {setting.kind === 'lines' ? <textarea rows={2} {...field(id)} /> : <input {...field(id)} />}
          {isWrong && (
            <span id={`${id}-wrong`} className="field-wrong">
              must be {setting.range}
            </span>
          )}
        </>
      )}
    </Field>
  );
};
