export const handler = async () => 'from a module';
export const fails = async () => {
  throw new Error('in a module');
};
