" zd: the language of the zdc compiler.
if exists('b:current_syntax')
  finish
endif

syntax keyword zdBlock app service gateway network volume config secret target port join env resources limits
syntax keyword zdBlock reservations health liveness shutdown timing update rollback availability restart placement
syntax keyword zdBlock scale logging mount allow labels data listen upstream server route rewrite request_headers
syntax keyword zdBlock response_headers options node on patch names build args
syntax keyword zdDeclare param deploy let fn type template component test
syntax keyword zdStatement import use for in if else assert set expect as of
syntax keyword zdConstant true false none
syntax keyword zdType bool int float string duration memory cpu percent ip cidr date image path url list map

" No word is a keyword before `=`.
syntax match zdKey /\<[A-Za-z_][A-Za-z0-9_-]*\ze\s*==\@!/

syntax match zdNumber /\<\d[0-9_]*\(\.\d\+\)\?\>/
syntax match zdNumber /\<\d[0-9_]*\(\.\d\+\)\?\([KMGT]i\?B\|B\|m\?cpu\|ms\|[dhms]\|%\)/
syntax match zdNumber /\<\(\d\+[dhms]\)\{2,}/
syntax match zdNumber /\<\d\{1,3}\(\.\d\{1,3}\)\{3}\(\/\d\{1,2}\)\?/
syntax match zdNumber /\<\d\{4}-\d\{2}-\d\{2}\>/

syntax match zdEscape contained /\\\([ntr"\\$]\|u{\x\{1,6}}\)/
syntax region zdInterpolation contained matchgroup=zdEscape start=/\${/ end=/}/ contains=TOP
syntax region zdString start=/"/ skip=/\\./ end=/"/ end=/$/ contains=zdEscape,zdInterpolation
syntax region zdString start=/"""/ end=/"""/ contains=zdEscape,zdInterpolation
syntax region zdString start=/\<r"/ end=/"/ end=/$/

syntax match zdComment /\/\/.*$/ contains=zdTodo
syntax match zdDoc /\/\/\/.*$/
syntax keyword zdTodo contained TODO FIXME

highlight default link zdBlock Structure
highlight default link zdDeclare Keyword
highlight default link zdStatement Statement
highlight default link zdConstant Constant
highlight default link zdType Type
highlight default link zdKey Identifier
highlight default link zdNumber Number
highlight default link zdEscape SpecialChar
highlight default link zdString String
highlight default link zdComment Comment
highlight default link zdDoc SpecialComment
highlight default link zdTodo Todo

let b:current_syntax = 'zd'
