import type { ComponentChildren, JSX } from 'preact';

import { formatCount } from './format.ts';

interface SectionProps {
  readonly id: string;
  readonly title: string;
  readonly count: number;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ id, title, count, note, children }: SectionProps): JSX.Element {
  return (
    <section class="panel" id={id} aria-labelledby={`${id}-title`}>
      <div class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {count > 0 && <span class="muted">{formatCount(count)}</span>}
        {note !== undefined && <span class="panel-note">{note}</span>}
      </div>
      {children}
    </section>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly options: readonly (readonly [value: Value, label: string])[];
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}

/** A few buttons, one of which is pressed. */
export function Choice<Value extends string>(props: ChoiceProps<Value>): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.options.map(([value, label]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.onChange(value)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
