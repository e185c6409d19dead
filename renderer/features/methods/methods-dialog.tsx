import { useStore } from 'zustand';
import type { MethodPage } from '../../../main/contract/method.ts';
import { FactList, plainFact } from '../../components/data-table.tsx';
import { Words } from '../../components/definition.tsx';
import { PagesDialog } from '../../components/pages-dialog.tsx';
import { methodGroups, useMethodPages } from '../../plan/method-select.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { methodsStore } from '../../state/dialog-stores.ts';
import './methods.css';

/** A page for each method: purpose, needs, formula, source, defaults, options and pitfalls. */
export const MethodsDialog = () => {
  const { open, show } = useStore(methodsStore);
  const pages = useMethodPages();
  const page = pages.find(({ name }) => name === open);
  if (open === null || page === undefined) return null;
  const groups = methodGroups(pages).map((group) => ({
    title: group.title,
    hint: group.text,
    entries: group.pages.map(({ name }) => ({ name, title: methodTitle(name) })),
  }));
  return (
    <PagesDialog
      title="Methods"
      label="All methods"
      groups={groups}
      open={open}
      onOpen={(name) => show(pages.find((each) => each.name === name)?.name ?? open)}
      onClose={() => show(null)}
    >
      <Page key={open} page={page} />
    </PagesDialog>
  );
};

/** "name (values; default x): help", the format of an option on a page. */
const OPTION = /^(\S+) \((.*)\): (.*)$/;

const Page = ({ page }: { readonly page: MethodPage }) => {
  const { title, summary, facts, lists } = pageSections(page.text);
  return (
    <article className="stack stack-wide method-page" tabIndex={0} aria-label={title}>
      <h3>{title}</h3>
      <p>{summary}</p>
      <FactList
        className="terms"
        facts={facts.map(({ term, text }) =>
          plainFact(term, term === 'Formula' ? <code>{text}</code> : <Words text={text} />),
        )}
      />
      {lists.map(({ term, points }) => (
        <section key={term} className="stack">
          <h4>{term}</h4>
          <ul className={term === 'Options' ? 'method-options' : undefined}>
            {points.map((point) => (
              <li key={point}>{term === 'Options' ? <OptionPoint point={point} /> : <Words text={point} />}</li>
            ))}
          </ul>
        </section>
      ))}
      <p className="muted pages-command">
        The same text in a terminal: <code>uncurl methods {page.name}</code>
      </p>
    </article>
  );
};

const OptionPoint = ({ point }: { readonly point: string }) => {
  const [, name, values, help] = OPTION.exec(point) ?? [];
  if (name === undefined) return point;
  return (
    <>
      <code>{name}</code> <span className="muted">({values})</span> {help}
    </>
  );
};

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
