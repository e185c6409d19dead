/** The text of a method's page, taken apart for the screen; every word of it is in here once. */
interface PageSections {
  readonly title: string;
  readonly summary: string;
  /** "Cost: none beyond the profile" and the like. */
  readonly facts: readonly { readonly term: string; readonly text: string }[];
  /** "Options:" and "Pitfalls:" with their points. */
  readonly lists: readonly { readonly term: string; readonly points: readonly string[] }[];
}

const FACT = /^([^:]+): (.*)$/;
const POINT = '- ';

/** Reads what `uncurl methods NAME` prints: a title, a summary, `term: text` lines, and `term:` above `- ` lines. */
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
