import { type ComponentProps, type ReactNode, useId } from 'react';

interface CheckboxProps {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly children: ReactNode;
  readonly disabled?: boolean;
}

export const Checkbox = ({ checked, onChange, children, disabled }: CheckboxProps) => (
  <label className="checkbox">
    <input type="checkbox" checked={checked} disabled={disabled} onChange={(event) => onChange(event.target.checked)} />
    <span>{children}</span>
  </label>
);

interface SegmentedProps<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly options: readonly { readonly value: V; readonly label: string }[];
  readonly onChange: (value: V) => void;
}

/** A few choices side by side, one of them selected. */
export const Segmented = <V extends string>({ label, value, options, onChange }: SegmentedProps<V>) => (
  <div className="segmented" role="radiogroup" aria-label={label}>
    {options.map((option, position) => (
      <button
        key={option.value}
        type="button"
        role="radio"
        aria-checked={option.value === value}
        tabIndex={option.value === value ? 0 : -1}
        onClick={() => onChange(option.value)}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
          const next = step === 0 ? undefined : options[(position + step + options.length) % options.length];
          if (next === undefined) return;
          event.preventDefault();
          onChange(next.value);
          const target = event.currentTarget.parentElement?.children[options.indexOf(next)];
          if (target instanceof HTMLElement) target.focus();
        }}
      >
        {option.label}
      </button>
    ))}
  </div>
);

interface ChartsOrTableProps {
  readonly label?: string;
  readonly names?: readonly [charts: string, table: string];
  readonly asTable: boolean;
  readonly onChange: (asTable: boolean) => void;
}

/** Switches a view between charts and the numbers behind them. */
export const ChartsOrTable = ({
  label = 'Charts or table',
  names: [charts, table] = ['Charts', 'Table'],
  asTable,
  onChange,
}: ChartsOrTableProps) => (
  <Segmented
    label={label}
    value={asTable ? 'table' : 'charts'}
    options={[
      { value: 'charts', label: charts },
      { value: 'table', label: table },
    ]}
    onChange={(value) => onChange(value === 'table')}
  />
);

interface SelectOption<V extends string> {
  readonly value: V;
  readonly label: string;
  readonly disabled?: boolean;
  /** Heading of this option and its neighbours with the same group. */
  readonly group?: string;
}

interface SelectProps<V extends string> {
  readonly label: ReactNode;
  readonly value: V;
  readonly options: readonly SelectOption<V>[];
  readonly onChange: (value: V) => void;
  readonly disabled?: boolean;
  /** Puts the label above the field instead of before it. */
  readonly stacked?: boolean;
}

interface FieldProps {
  readonly label: ReactNode;
  /** Puts the label above the control instead of before it. */
  readonly stacked?: boolean | undefined;
  /** The control, to which the label belongs by its id. */
  readonly children: (id: string) => ReactNode;
}

/** A control with its label. */
export const Field = ({ label, stacked = false, children }: FieldProps) => {
  const id = useId();
  return (
    <div className={stacked ? 'field field-stacked' : 'field'}>
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
};

interface TextFieldProps extends Omit<ComponentProps<'input'>, 'onChange'> {
  readonly label: string;
  readonly onChange: (text: string) => void;
}

/** A line of text under its label. */
export const TextField = ({ label, onChange, ...rest }: TextFieldProps) => (
  <Field label={label} stacked>
    {(id) => <input {...rest} id={id} className="input" onChange={({ target }) => onChange(target.value)} />}
  </Field>
);

export const Select = <V extends string>({ label, value, options, onChange, disabled, stacked }: SelectProps<V>) => (
  <Field label={label} stacked={stacked}>
    {(id) => (
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value);
          if (chosen !== undefined) onChange(chosen.value);
        }}
      >
        {inGroups(options).map(({ group, members }) =>
          group === undefined ? (
            members.map((option) => <OptionLine key={option.value} option={option} />)
          ) : (
            <optgroup key={group} label={group}>
              {members.map((option) => (
                <OptionLine key={option.value} option={option} />
              ))}
            </optgroup>
          ),
        )}
      </select>
    )}
  </Field>
);

const OptionLine = <V extends string>({ option }: { readonly option: SelectOption<V> }) => (
  <option value={option.value} disabled={option.disabled}>
    {option.label}
  </option>
);

interface OptionGroup<V extends string> {
  readonly group: string | undefined;
  readonly members: readonly SelectOption<V>[];
}

const inGroups = <V extends string>(options: readonly SelectOption<V>[]): readonly OptionGroup<V>[] =>
  options.reduce<readonly OptionGroup<V>[]>((groups, option) => {
    const last = groups.at(-1);
    return last !== undefined && last.group === option.group
      ? [...groups.slice(0, -1), { group: last.group, members: [...last.members, option] }]
      : [...groups, { group: option.group, members: [option] }];
  }, []);
