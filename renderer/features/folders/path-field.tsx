interface PathFieldProps {
  readonly path: string;
  /** Typed text; null: none since the folder was listed. */
  readonly typed: string | null;
  readonly onType: (text: string) => void;
  readonly disabled: boolean;
  readonly onGo: (path: string) => void;
}

/** The path of the listed folder; another path can be typed or pasted. */
export const PathField = ({ path, typed, onType, disabled, onGo }: PathFieldProps) => {
  const text = typed ?? path;
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
        onChange={(event) => onType(event.target.value)}
      />
    </form>
  );
};
