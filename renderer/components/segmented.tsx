interface SegmentedProps<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly options: readonly { readonly value: V; readonly label: string }[];
  readonly onChange: (value: V) => void;
}

/** A few choices side by side, one of them taken. */
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
