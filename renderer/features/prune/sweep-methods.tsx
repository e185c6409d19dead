import { useStore } from 'zustand';
import type { MethodPage } from '../../../main/contract/method.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { Checkbox } from '../../components/checkbox.tsx';
import { Disclosure } from '../../components/disclosure.tsx';
import { planStore } from '../../state/plan-store.ts';
import { sweepStore, usualMethods } from '../../state/sweep-store.ts';
import { AboutMethod } from '../methods/about-method.tsx';
import { methodGroups } from '../methods/method-groups.ts';
import { MethodOptions } from './method-options.tsx';
import { methodTitle } from './methods.ts';
import { optionsSummary } from './option-values.ts';

const MethodTick = ({ method }: { readonly method: MethodName }) => {
  const { methods, toggleMethod } = useStore(sweepStore);
  return (
    <span className="method-tick">
      <Checkbox checked={methods.includes(method)} onChange={() => toggleMethod(method)}>
        {methodTitle(method)}
      </Checkbox>
      <AboutMethod method={method} />
    </span>
  );
};

/** The usual methods at hand, the others within reach. */
export const SweepMethods = ({ pages }: { readonly pages: readonly MethodPage[] }) => {
  const methods = useStore(sweepStore, (state) => state.methods);
  const others = methodGroups(pages.filter(({ name }) => !usualMethods.includes(name)));
  const ticked = methods.filter((method) => !usualMethods.includes(method)).length;
  return (
    <div className="sweep-methods">
      <div className="choice-row">
        {usualMethods.map((method) => (
          <MethodTick key={method} method={method} />
        ))}
      </div>
      {others.length > 0 && (
        <Disclosure summary={`More methods${ticked === 0 ? '' : `, ${ticked} ticked`}`}>
          {others.map((group) => (
            <div key={group.title} className="method-group" role="group" aria-label={group.title}>
              <span className="muted" title={group.text}>
                {group.title}
              </span>
              <div className="method-grid">
                {group.pages.map(({ name }) => (
                  <MethodTick key={name} method={name} />
                ))}
              </div>
            </div>
          ))}
        </Disclosure>
      )}
    </div>
  );
};

/** Options of every ticked method that has any; plans use the same. */
export const SweepOptions = ({ pages }: { readonly pages: readonly MethodPage[] }) => {
  const methods = useStore(sweepStore, (state) => state.methods);
  const options = useStore(planStore, (state) => state.options);
  const shown = pages.filter((page) => methods.includes(page.name) && page.options.length > 0);
  if (shown.length === 0) return <span className="muted">the ticked methods have none</span>;
  const changed = shown.reduce((sum, { name }) => sum + Object.keys(options[name] ?? {}).length, 0);
  return (
    <div className="sweep-options">
      <Disclosure
        summary={`Of ${shown.map(({ name }) => methodTitle(name)).join(', ')}${changed === 0 ? '' : `, ${changed} changed`}`}
      >
        {shown.map((page) => (
          <section key={page.name} aria-label={optionsSummary(methodTitle(page.name), undefined)}>
            <h4>
              {methodTitle(page.name)} <AboutMethod method={page.name} />
            </h4>
            <MethodOptions page={page} />
          </section>
        ))}
      </Disclosure>
    </div>
  );
};
