/** Characters at the end of a name that always stay: names of a series differ there. */
const END = 9;
/** Shorter names are cut at their end, where there is anything to cut. */
const LONG = 20;

/** A name in one line that is cut in its middle where there is no room: its end is what tells it from others. */
export const CutName = ({ name, className = '' }: { readonly name: string; readonly className?: string }) => {
  const characters = Array.from(name);
  if (characters.length < LONG) return <span className={`ellipsis ${className}`}>{name}</span>;
  return (
    <span className={`cut-name ${className}`}>
      <span>{characters.slice(0, -END).join('')}</span>
      <span>{characters.slice(-END).join('')}</span>
    </span>
  );
};
