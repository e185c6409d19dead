import { useState } from 'react';
import type { ComponentProps } from 'react';

interface NumberInputProps extends Omit<ComponentProps<'input'>, 'type' | 'value' | 'onChange'> {
  /** Null: the field is empty. */
  readonly value: number | null;
  /** Whether a number (null: an empty field) can stand here. What cannot is marked, and the last that could holds. */
  readonly accepts: (value: number | null) => boolean;
  readonly onChange: (value: number | null) => void;
  /** Takes numbers that cannot stand here. */
  readonly onRefused?: ((value: number | null) => void) | undefined;
}

/** What is typed into a field of numbers: null where it is empty, NaN where it is no number. */
export const numberTyped = (text: string, isBad: boolean): number | null =>
  isBad ? Number.NaN : text.trim() === '' ? null : Number(text);

/**
 * A field for a number that holds what is being typed until it is left, so that a number can be typed over another
 * letter by letter: the first letters of 12 or 0.05 need not be numbers that can stand here.
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

/** Whole numbers from `least` to `most`. */
export const wholeFrom =
  (least: number, most = Number.MAX_SAFE_INTEGER) =>
  (value: number | null): boolean =>
    value !== null && Number.isInteger(value) && value >= least && value <= most;
