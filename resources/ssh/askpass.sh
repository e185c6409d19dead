#!/bin/sh
# ssh starts this program (SSH_ASKPASS) for each question: a passphrase, an unknown host key, a one-time code.
# main/hosts/ssh-questions.ts shows the question in the window and writes the answer into a pipe of a folder that only
# this user can open. The answer is in no argument, variable or file: `head` copies it from the pipe to ssh.
umask 077
folder=$UNCURL_ASKING_FOLDER
question=$folder/question-$$
answer=$folder/answer-$$
watch=
end() {
  rm -f "$question" "$answer"
  [ -z "$watch" ] || kill "$watch" 2>/dev/null
}
trap end EXIT
trap 'exit 1' HUP INT TERM
mkfifo "$answer" || exit 1
# Open in both directions, so that neither side waits for the other to open it.
exec 3<>"$answer"
# Without the window nobody answers.
(
  trap - EXIT
  while kill -0 "$UNCURL_ASKING_PROCESS" && [ -p "$answer" ]; do sleep 1; done
  kill $$
) >/dev/null 2>&1 3<&- &
watch=$!
printf '%s\n%s' "${SSH_ASKPASS_PROMPT:-text}" "$1" >"$question.part"
mv "$question.part" "$question"
printf '%s\n' $$ >"$folder/asked"
IFS= read -r verdict <&3
[ "$verdict" = answered ] || exit 1
head -n 1 <&3
