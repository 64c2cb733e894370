// @ts-check
import { argmaxRows, port, reportStage } from 'ravelin';

/** Confusion matrix: how many images of each class were given which class. */
const confusion = reportStage({
  uses: 'report/confusion',
  version: 1,
  summary: 'Confusion matrix of some predictions as Markdown and CSV',
  in: { predictions: port('predictions', { description: 'predictions to count' }) },
  draw: ({ predictions }) => {
    const { probabilities, labels, shape, classes } = predictions;
    const [, count] = shape;
    const names = Array.from({ length: count }, (_, index) => classes[index] ?? String(index));
    const counts = names.map(() => names.map(() => 0));
    argmaxRows(probabilities, count).forEach((predicted, row) => counts[labels[row]][predicted]++);
    const lines = counts.map((line, label) => [names[label], ...line]);
    const head = ['true \\ predicted', ...names];
    const markdown = [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`);
    return {
      title: 'Confusion matrix',
      files: {
        md: `${markdown.join('\n')}\n`,
        csv: `${[head, ...lines].map((line) => line.join(',')).join('\n')}\n`,
      },
    };
  },
});

export const stages = [confusion];
