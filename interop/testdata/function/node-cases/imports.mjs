import 'module-that-is-not-there';
