require('module-that-is-not-there');
