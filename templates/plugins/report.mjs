// @ts-check
import { argmaxRows, port, reportStage } from 'ravelin';

/** How many images of each class there are, and how many of them are classified correctly. */
const report = reportStage({
  uses: 'report/my-plugin',
  version: 1,
  summary: 'My plugin: images and correct predictions of each class, as Markdown and CSV',
  in: { predictions: port('predictions', { description: 'predictions to count' }) },
  draw: ({ predictions }) => {
    const { probabilities, labels, shape, classes } = predictions;
    const predicted = argmaxRows(probabilities, shape[1]);
    const lines = Array.from({ length: shape[1] }, (_, index) => {
      const rows = Array.from(labels.keys()).filter((row) => labels[row] === index);
      const correct = rows.filter((row) => predicted[row] === index).length;
      return [classes[index] ?? String(index), rows.length, correct];
    });
    const head = ['class', 'images', 'correct'];
    const markdown = [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`);
    // The same inputs must give the same bytes.
    return {
      title: 'My plugin',
      files: {
        md: `${markdown.join('\n')}\n`,
        csv: `${[head, ...lines].map((line) => line.join(',')).join('\n')}\n`,
      },
    };
  },
});

export const stages = [report];
