import { isDict, Missing, Namespace, type PythonList, type PythonValue } from '../python/python-value.ts';
import { formatTime } from './format-time.ts';
import { TemplateFault, TemplateRaised } from './template-fault.ts';
import { meteredText, type Scope, type WorkMeter } from './work-meter.ts';

const namespace = ([first, ...more]: PythonList, named: ReadonlyMap<string, PythonValue>): Namespace => {
  if (more.length > 0 || (first !== undefined && !isDict(first)))
    throw new TemplateFault('namespace() takes one dict at most', 'Name its members.');
  const made = new Namespace();
  for (const [name, value] of [...(first !== undefined && isDict(first) ? first : []), ...named])
    made.members.set(memberName(name), value);
  return made;
};

/** transformers refuses namespace names with an underscore. */
export const memberName = (name: string): string => {
  if (name.startsWith('_')) throw new TemplateFault(`a namespace has no member "${name}"`, 'Rename it.');
  return name;
};

/** Calls a macro, or a function that transformers gives to chat templates; throws a TemplateFault for anything else. */
export const callFunction = (
  name: string,
  values: PythonList,
  named: ReadonlyMap<string, PythonValue>,
  scope: Scope,
  meter: WorkMeter,
): PythonValue => {
  const macro = scope.macro(name);
  if (macro !== undefined) return macro(values, named);
  const [first] = values;
  switch (name) {
    case 'namespace':
      return namespace(values, named);
    case 'dict':
      if (values.length > 0) throw new TemplateFault('dict() takes names only', 'Write the dict out.');
      return new Map(named);
    case 'raise_exception':
      throw new TemplateRaised(first === undefined || first instanceof Missing ? '' : meteredText(first, meter));
    case 'strftime_now':
      if (typeof first !== 'string')
        throw new TemplateFault('strftime_now() needs a text', 'Give the form of the date.');
      if (scope.environment.now === null)
        throw new TemplateFault('strftime_now() is not supported', 'Write the date out.');
      return formatTime(scope.environment.now(), first);
    default:
      throw new TemplateFault(
        `the function ${name}() is not supported`,
        'Chat templates here have range, namespace, dict, raise_exception, strftime_now and their own macros.',
      );
  }
};
