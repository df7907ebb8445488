autocmd BufRead,BufNewFile *.zd setfiletype zd
