/** Marks in the gutter beside lines that the cluster changed while the editor was open. */
import { type Extension, RangeSet, StateEffect, StateField } from '@codemirror/state';
import { type EditorView, GutterMarker, gutter } from '@codemirror/view';

class LiveMark extends GutterMarker {
  constructor(private readonly title: string) {
    super();
  }
  override eq(other: LiveMark) {
    return other.title === this.title;
  }
  override toDOM() {
    const mark = document.createElement('div');
    mark.className = 'cm-live-mark';
    mark.title = this.title;
    return mark;
  }
}

export interface LineMark {
  from: number;
  title: string;
}

const set = StateEffect.define<LineMark[]>();

const field = StateField.define<RangeSet<GutterMarker>>({
  create: () => RangeSet.empty,
  update(marks, transaction) {
    let next = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(set)) continue;
      const byLine = new Map<number, string>();
      for (const { from, title } of effect.value) {
        if (from <= transaction.state.doc.length) byLine.set(transaction.state.doc.lineAt(from).from, title);
      }
      const ranges = [...byLine].sort(([a], [b]) => a - b).map(([from, title]) => new LiveMark(title).range(from));
      next = RangeSet.of(ranges);
    }
    return next;
  },
});

export const liveMarks: Extension = [
  field,
  gutter({ class: 'cm-live-gutter', markers: (view) => view.state.field(field) }),
];

export function showMarks(view: EditorView, marks: LineMark[]): void {
  view.dispatch({ effects: set.of(marks) });
}
