using Mica.Oci;

namespace Mica.Dockerfile;

/// <summary>Rules about one instruction and what came before it in its stage.</summary>
internal sealed class InstructionRules(LintRun run)
{
    public void Check(StageState state, Instruction instruction, Dictionary<string, Instruction> once)
    {
        switch (instruction)
        {
            case ArgInstruction argument:
                foreach (ArgumentDeclaration one in argument.Arguments)
                {
                    CheckSecret(argument, one.Name);
                }

                break;
            case EnvInstruction environment:
                foreach (NamedValue variable in environment.Variables)
                {
                    CheckSecret(environment, variable.Name);
                }

                break;
            case WorkdirInstruction workdir when !state.HasWorkdir && !workdir.Path.StartsWith('/'):
                run.Report(
                    LintRules.WorkdirRelativePath, workdir, $"Relative workdir \"{workdir.Path}\" can have unexpected results if the base image changes");
                break;
            case CmdInstruction { Command: var command }:
                CheckOnce(instruction, once);
                CheckForm(state, instruction, command);
                break;
            case EntrypointInstruction { Command: var command }:
                CheckOnce(instruction, once);
                CheckForm(state, instruction, command);
                break;
            case HealthcheckInstruction:
                CheckOnce(instruction, once);
                break;
            case ExposeInstruction expose:
                CheckPorts(expose);
                break;
            case CopyInstruction { From: null, Transfer: var transfer }:
                CheckIgnored(instruction, "Copy", transfer);
                break;
            case AddInstruction { Transfer: var transfer }:
                CheckIgnored(instruction, "Add", transfer);
                break;
        }
    }

    public void CheckSecret(Instruction instruction, string name)
    {
        if (SecretNames.IsSecret(name))
        {
            run.Report(
                LintRules.SecretsUsedInArgOrEnv, instruction, $"Do not use ARG or ENV instructions for sensitive data ({instruction.Name} \"{name}\")");
        }
    }

    private void CheckOnce(Instruction instruction, Dictionary<string, Instruction> once)
    {
        // The earlier one is what has no effect, so it is what is reported.
        if (once.TryGetValue(instruction.Name, out Instruction? earlier))
        {
            run.Report(
                LintRules.MultipleInstructionsDisallowed, earlier,
                $"Multiple {instruction.Name} instructions should not be used in the same stage because only the last one will be used");
        }

        once[instruction.Name] = instruction;
    }

    private void CheckForm(StageState state, Instruction instruction, CommandLine command)
    {
        if (!state.HasShell && command is ShellCommand { IsEmpty: false })
        {
            run.Report(
                LintRules.JSONArgsRecommended, instruction,
                $"JSON arguments recommended for {instruction.Name} to prevent unintended behavior related to OS signals");
        }
    }

    private void CheckPorts(ExposeInstruction expose)
    {
        foreach (string text in expose.Ports)
        {
            try
            {
                ExposedPorts ports = ExposedPorts.Parse(text);
                if (ports.HasHostPart)
                {
                    run.Report(
                        LintRules.ExposeInvalidFormat, expose,
                        $"EXPOSE instruction should not define an IP address or host-port mapping, found '{text}'");
                }

                if (!Casing.IsLower(ports.Protocol))
                {
                    run.Report(LintRules.ExposeProtoCasing, expose, $"Defined protocol '{text}' in EXPOSE instruction should be lowercase");
                }
            }
            catch (MicaException)
            {
                // Told by the build.
            }
        }
    }

    private void CheckIgnored(Instruction instruction, string verb, FileTransfer transfer)
    {
        if (run.Input.Ignored is not { } ignored)
        {
            return;
        }

        foreach (string path in transfer.Paths.Where(path => !IsRemote(path)))
        {
            string cleaned = GlobPath.Clean("/" + path)[1..];
            if (cleaned.Length > 0 && ignored.Decide(cleaned).IsExcluded && !ignored.MayIncludeBelow(cleaned))
            {
                run.Report(LintRules.CopyIgnoredFile, instruction, $"Attempting to {verb} file \"{path}\" that is excluded by .dockerignore");
            }
        }
    }

    private static bool IsRemote(string path) => path.Contains("://", StringComparison.Ordinal) || path.StartsWith("git@", StringComparison.Ordinal);
}
