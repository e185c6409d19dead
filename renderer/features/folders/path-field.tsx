import { useState } from 'react';

interface PathFieldProps {
  readonly path: string;
  readonly disabled: boolean;
  readonly onGo: (path: string) => void;
}

/** The path of the folder that is listed; another one can be typed or pasted. */
export const PathField = ({ path, disabled, onGo }: PathFieldProps) => {
  // What was typed belongs to the folder that was listed then; typing may begin before the first one is.
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
