import { useRef } from 'react';
import { useStore } from 'zustand';
import type { MethodPage } from '../../../main/contract/method.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { Words } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { useMethodPages } from '../../plan/method-select.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { methodGroups } from '../../plan/methods.ts';
import { methodsStore } from '../../state/dialog-stores.ts';
import { neighbour } from '../../state/selection-store.ts';
import { pageSections } from './page-sections.ts';
import './methods.css';

/** A page for each method: purpose, needs, formula, source, defaults, options and pitfalls. */
export const MethodsDialog = () => {
  const { open, show } = useStore(methodsStore);
  const pages = useMethodPages();
  const page = pages.find(({ name }) => name === open);
  if (open === null || page === undefined) return null;
  return (
    <Dialog title="Methods" wide onClose={() => show(null)}>
      <div className="methods">
        <MethodList pages={pages} open={open} />
        <Page key={open} page={page} />
      </div>
    </Dialog>
  );
};

/** Arrow keys move through the list and open each page. */
const MethodList = ({ pages, open }: { readonly pages: readonly MethodPage[]; readonly open: MethodName }) => {
  const list = useRef<HTMLDivElement>(null);
  const groups = methodGroups(pages);
  const order = groups.flatMap((group) => group.pages.map(({ name }) => name));
  const move = (step: number): void => {
    const next = neighbour(order, open, step);
    if (next === null) return;
    methodsStore.getState().show(next);
    list.current?.querySelector<HTMLButtonElement>(`[data-method="${next}"]`)?.focus();
  };
  return (
    <nav aria-label="All methods">
      <div
        className="methods-list"
        role="listbox"
        aria-label="All methods"
        ref={list}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          move(step);
        }}
      >
        {groups.map((group) => (
          <div key={group.title} role="group" aria-label={group.title}>
            {/* The group already has this name, and a listbox may not contain headings. */}
            <h3 title={group.text} aria-hidden="true">
              {group.title}
            </h3>
            {group.pages.map(({ name }) => (
              <button
                key={name}
                type="button"
                role="option"
                data-method={name}
                aria-selected={name === open}
                tabIndex={name === open ? 0 : -1}
                onClick={() => methodsStore.getState().show(name)}
              >
                {methodTitle(name)}
              </button>
            ))}
          </div>
        ))}
      </div>
    </nav>
  );
};

/** "name (values; default x): help", the format of an option on a page. */
const OPTION = /^(\S+) \((.*)\): (.*)$/;

const Page = ({ page }: { readonly page: MethodPage }) => {
  const { title, summary, facts, lists } = pageSections(page.text);
  return (
    <article className="method-page" tabIndex={0} aria-label={title}>
      <h3>{title}</h3>
      <p>{summary}</p>
      <dl>
        {facts.map(({ term, text }) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{term === 'Formula' ? <code>{text}</code> : <Words text={text} />}</dd>
          </div>
        ))}
      </dl>
      {lists.map(({ term, points }) => (
        <section key={term}>
          <h4>{term}</h4>
          <ul className={term === 'Options' ? 'method-options' : undefined}>
            {points.map((point) => (
              <li key={point}>{term === 'Options' ? <OptionPoint point={point} /> : <Words text={point} />}</li>
            ))}
          </ul>
        </section>
      ))}
      <p className="muted method-command">
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
