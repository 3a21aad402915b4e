using System.Collections.Immutable;
using System.Globalization;
using Mica.Linux;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>The user namespace in which an ordinary user's containers run, told by the monitor of one of them.</summary>
/// <param name="Process">The monitor.</param>
/// <param name="Rung">Which ids the namespace has.</param>
public sealed record RunningNamespace(int Process, RuntimeRung Rung)
{
    /// <summary>
    /// Becomes <paramref name="arguments"/> (the first is the program's path) in it, with the same process number and standard
    /// descriptors. Returns only by throwing. nsenter(1).
    /// </summary>
    public void Join(ImmutableArray<string> arguments, ImmutableArray<string> environment, RuntimeOptions options)
    {
        string nsenter = options.FindProgram("nsenter") ?? throw new MicaException(ErrorKind.Unsupported, "nsenter is missing: install util-linux");
        string target = string.Create(CultureInfo.InvariantCulture, $"--target={Process}");
        ProcessImage.Replace(new ChildCommand(
            nsenter, ["nsenter", "--user", "--preserve-credentials", target, "--", .. arguments], [.. environment, $"{UserNamespace.MarkerVariable}={Rung}"]));
    }
}
