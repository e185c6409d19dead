/** Why a template cannot be used or rendered. Callers that know file and row turn it into a refusal. */
export class TemplateFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemplateFault';
    this.remedy = remedy;
  }
}

/** raise_exception() of a chat template, which refuses the conversation itself. */
export class TemplateRaised extends TemplateFault {
  constructor(message: string) {
    super(`it refuses the conversation: ${message}`, 'Remove the part that it refuses, or ask without --chat.');
    this.name = 'TemplateRaised';
  }
}
