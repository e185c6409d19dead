import { useState } from 'react';

interface PathFieldProps {
  readonly path: string;
  readonly disabled: boolean;
  readonly onGo: (path: string) => void;
}

/** The path of the listed folder; another path can be typed or pasted. */
export const PathField = ({ path, disabled, onGo }: PathFieldProps) => {
  // Typed text belongs to the folder listed at that time; typing may start before the first one is listed.
  const [typed, setTyped] = useState<{ readonly over: string; readonly text: string } | null>(null);
  const text = typed !== null && (typed.over === path || typed.over === '') ? typed.text : path;
  return (
    <form
      className="folder-typed"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== '') onGo(text);
      }}
    >
      <input
        className="input"
        aria-label="Path"
        data-autofocus
        spellCheck={false}
        autoComplete="off"
        value={text}
        readOnly={disabled}
        title="Type or paste a path, then Enter"
        onChange={(event) => setTyped({ over: path, text: event.target.value })}
      />
    </form>
  );
};
