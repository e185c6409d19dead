import { type ComponentProps, type ReactNode, useState } from 'react';
import { Field } from './choices.tsx';

interface NumberInputProps extends Omit<ComponentProps<'input'>, 'type' | 'value' | 'onChange'> {
  /** Null if the field is empty. */
  readonly value: number | null;
  /**
   * Whether a number (null for an empty field) is valid. Invalid input is marked, and the last valid value stays in
   * effect.
   */
  readonly accepts: (value: number | null) => boolean;
  readonly onChange: (value: number | null) => void;
  /** Receives numbers that are not accepted. */
  readonly onRefused?: ((value: number | null) => void) | undefined;
}

/** Parses the input: null if empty, NaN if not a number. */
export const numberTyped = (text: string, isBad: boolean): number | null =>
  isBad ? Number.NaN : text.trim() === '' ? null : Number(text);

/**
 * A number field that keeps the typed text until it loses focus, so that invalid prefixes of 12 or 0.05 can be typed.
 */
export const NumberInput = (props: NumberInputProps) => {
  const { value, accepts, onChange, onRefused, onBlur, className = '', ...rest } = props;
  const [typed, setTyped] = useState<{ readonly text: string; readonly isFit: boolean } | null>(null);
  return (
    <input
      {...rest}
      className={`input ${className}`}
      type="number"
      value={typed?.text ?? (value === null ? '' : String(value))}
      aria-invalid={typed === null ? !accepts(value) : !typed.isFit}
      onChange={(event) => {
        const { value: text, validity } = event.target;
        const next = numberTyped(text, validity.badInput);
        const isFit = (next === null || Number.isFinite(next)) && accepts(next);
        setTyped({ text, isFit });
        if (isFit) onChange(next);
        else onRefused?.(next);
      }}
      onBlur={(event) => {
        setTyped(null);
        onBlur?.(event);
      }}
    />
  );
};

interface NumberFieldProps extends NumberInputProps {
  readonly label: ReactNode;
  /** Puts the label above the field instead of before it. */
  readonly stacked?: boolean | undefined;
  /** Behind the field. */
  readonly children?: ReactNode;
}

/** A number field with its label. */
export const NumberField = ({ label, stacked, children, ...rest }: NumberFieldProps) => (
  <Field label={label} stacked={stacked}>
    {(id) => (
      <>
        <NumberInput id={id} {...rest} />
        {children}
      </>
    )}
  </Field>
);

interface TypedNumberProps extends Omit<NumberFieldProps, 'value' | 'onChange' | 'onRefused'> {
  /** NaN: the field is empty. */
  readonly value: number;
  readonly onType: (value: number) => void;
}

/** A number field that gives what is typed, valid or not. */
export const TypedNumber = ({ value, onType, ...rest }: TypedNumberProps) => {
  const take = (typed: number | null): void => onType(typed ?? Number.NaN);
  const known = Number.isFinite(value) ? value : null;
  return <NumberField {...rest} value={known} onChange={take} onRefused={take} />;
};

/** Accepts whole numbers from `least` to `most`. */
export const wholeFrom =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: number | null): boolean =>
    value !== null && Number.isInteger(value) && value >= least && value <= most;
