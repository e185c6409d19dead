/** Why a filter cannot be used, without saying where it is. */
export class FilterFault extends Error {
  readonly remedy: string;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FilterFault';
    this.remedy = remedy;
  }
}
