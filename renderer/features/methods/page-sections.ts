/** A method's page, parsed for display; contains each word of the page once. */
interface PageSections {
  readonly title: string;
  readonly summary: string;
  /** For example "Cost: none beyond the profile". */
  readonly facts: readonly { readonly term: string; readonly text: string }[];
  /** "Options:" and "Pitfalls:" with their entries. */
  readonly lists: readonly { readonly term: string; readonly points: readonly string[] }[];
}

const FACT = /^([^:]+): (.*)$/;
const POINT = '- ';

/**
 * Parses the output of `uncurl methods NAME`: a title, a summary, `term: text` lines, and `term:` followed by `- `
 * lines.
 */
export const pageSections = (text: string): PageSections => {
  const [title = '', ...rest] = text.split('\n').filter((line) => line !== '');
  let summary = '';
  const facts: { term: string; text: string }[] = [];
  const lists: { term: string; points: string[] }[] = [];
  for (const line of rest) {
    if (line.startsWith(POINT)) {
      lists.at(-1)?.points.push(line.slice(POINT.length));
    } else if (summary === '') {
      summary = line;
    } else if (line.endsWith(':')) {
      lists.push({ term: line.slice(0, -1), points: [] });
    } else {
      const [, term = '', fact = line] = FACT.exec(line) ?? [];
      facts.push({ term, text: fact });
    }
  }
  return { title, summary, facts, lists };
};
