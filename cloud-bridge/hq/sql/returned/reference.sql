SELECT reference FROM sale WHERE hub = $1 AND sale = $2
