import { useId } from 'react';
import { useStore } from 'zustand';
import type { MethodPage } from '../../../main/contract/method.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { useAction } from '../../actions/action.ts';
import { addMethodFile } from '../../actions/plan.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { NumberInput, wholeFrom } from '../../components/number-input.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { AboutMethod } from '../../plan/method-select.tsx';
import { methodTitle } from '../../../main/figures/method-titles.ts';
import { methodGroups } from '../../plan/methods.ts';
import { planStore } from '../../state/plan-store.ts';
import { sweepStore, usualMethods } from '../../state/sweep-store.ts';
import { MethodOptions, optionsSummary } from './method-options.tsx';

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

/** Rankings and plans from files as methods, and a button to add one. */
const FileMethods = () => {
  const { methods, files, toggleMethod, removeFile } = useStore(sweepStore);
  const add = useAction(addMethodFile);
  return (
    <div className="choice-row">
      {Object.entries(files).map(([method, { name }]) => (
        <span key={method} className="method-tick" title={name}>
          <Checkbox checked={methods.includes(method)} onChange={() => toggleMethod(method)}>
            {method}
          </Checkbox>
          <IconButton
            icon="close"
            className="about-method"
            label={`Remove the file ${method}`}
            onClick={() => removeFile(method)}
          />
        </span>
      ))}
      <Button look="quiet" className="button-small" icon="file" onClick={add.perform} disabled={!add.enabled}>
        From a file…
      </Button>
    </div>
  );
};

/** The usual methods, with the others in a disclosure. */
export const SweepMethods = ({ pages }: { readonly pages: readonly MethodPage[] }) => {
  const methods = useStore(sweepStore, (state) => state.methods);
  const others = methodGroups(pages.filter(({ name }) => !usualMethods.includes(name)));
  const files = useStore(sweepStore, (state) => state.files);
  const ticked = methods.filter((method) => !usualMethods.includes(method) && !(method in files)).length;
  return (
    <div className="sweep-methods">
      <div className="choice-row">
        {usualMethods.map((method) => (
          <MethodTick key={method} method={method} />
        ))}
      </div>
      <FileMethods />
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

/** Options of all ticked methods; plans use the same options. */
export const SweepOptions = ({ pages }: { readonly pages: readonly MethodPage[] }) => {
  const methods = useStore(sweepStore, (state) => state.methods);
  const options = useStore(planStore, (state) => state.options);
  const shown = pages.filter((page) => methods.includes(page.name) && page.options.length > 0);
  if (shown.length === 0) return <span className="muted">the ticked methods have none</span>;
  const changed = shown.reduce((sum, { name }) => sum + Object.keys(options[name] ?? {}).length, 0);
  return (
    <div className="sweep-options">
      <Disclosure
        summary={
          'For ' +
          `${shown.map(({ name }) => methodTitle(name)).join(', ')}${changed === 0 ? '' : `, ${changed} changed`}`
        }
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

const MOST_SEEDS = 30;
const MOST_DELTA = 0.5;

/** Draws, item limit, margin, and whether to measure speed. */
export const SweepNumbers = () => {
  const settings = useStore(sweepStore);
  const ids = { seeds: useId(), limit: useId(), delta: useId() };
  return (
    <div className="choice-row">
      <div className="field">
        <label htmlFor={ids.seeds}>
          <Definition of="seeds">Draws</Definition>
        </label>
        <NumberInput
          id={ids.seeds}
          className="input-number"
          min={1}
          max={MOST_SEEDS}
          value={settings.seeds}
          accepts={wholeFrom(1, MOST_SEEDS)}
          onChange={(seeds) => settings.chooseSeeds(seeds ?? 1)}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.limit}>
          <Definition of="limit" />
        </label>
        <NumberInput
          id={ids.limit}
          className="input-number"
          min={1}
          placeholder="all"
          value={settings.limit}
          accepts={(limit) => limit === null || wholeFrom(1)(limit)}
          onChange={settings.chooseLimit}
        />
      </div>
      <div className="field">
        <label htmlFor={ids.delta}>
          <Definition of="delta" />
        </label>
        <NumberInput
          id={ids.delta}
          className="input-number"
          min={0.005}
          max={MOST_DELTA}
          step={0.005}
          value={settings.delta}
          accepts={(delta) => delta !== null && delta > 0 && delta <= MOST_DELTA}
          onChange={(delta) => delta !== null && settings.chooseDelta(delta)}
        />
      </div>
      <Checkbox checked={settings.speed} onChange={settings.chooseSpeed}>
        <Definition of="speed">speed</Definition>
      </Checkbox>
    </div>
  );
};
