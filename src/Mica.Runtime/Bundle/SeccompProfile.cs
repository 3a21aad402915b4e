using System.Runtime.InteropServices;
using System.Text.Json;
using Mica.Oci;

namespace Mica.Runtime;

/// <summary>
/// A seccomp profile in the form that docker and podman have them: rules that depend on capabilities and architectures, which
/// are decided here.
/// </summary>
internal static class SeccompProfile
{
    private const long MaxSize = 4 << 20;

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: not a profile.</exception>
    public static ConfigSeccomp Read(string path, IReadOnlyCollection<string> capabilities)
    {
        try
        {
            if (new FileInfo(path) is not { Exists: true, Length: <= MaxSize })
            {
                throw new MicaException(ErrorKind.InvalidArgument, $"opening seccomp profile ({Printable.Of(path)}) failed: no such file, or too long");
            }

            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            JsonElement root = document.RootElement;
            List<ConfigSyscall> rules = [];
            foreach (JsonElement rule in Elements(root, "syscalls").Where(rule => IsMeant(rule, capabilities)))
            {
                string[] names = rule.TryGetProperty("name", out JsonElement name) ? [name.GetString()!] : [.. Strings(rule, "names")];
                List<ConfigSyscallArgument> arguments = [.. Elements(rule, "args").Select(Argument)];
                rules.Add(new ConfigSyscall(
                    names, rule.GetProperty("action").GetString()!, Number(rule, "errnoRet"), arguments.Count == 0 ? null : arguments));
            }

            return new ConfigSeccomp(root.GetProperty("defaultAction").GetString()!, [.. Architectures(root)], rules) { DefaultErrnoRet = Number(root, "defaultErrnoRet") };
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or UnauthorizedAccessException)
        {
            throw new MicaException(ErrorKind.InvalidArgument, $"decoding seccomp profile {Printable.Of(path)} failed: {Printable.Of(failure.Message)}", failure);
        }
    }

    private static bool IsMeant(JsonElement rule, IReadOnlyCollection<string> capabilities)
    {
        JsonElement? includes = rule.TryGetProperty("includes", out JsonElement some) ? some : null;
        JsonElement? excludes = rule.TryGetProperty("excludes", out JsonElement others) ? others : null;
        return (includes is not { } wanted || (Strings(wanted, "caps").All(capabilities.Contains) && (!Strings(wanted, "arches").Any() || Strings(wanted, "arches").Contains(OwnArchitecture))))
            && (excludes is not { } unwanted || (!Strings(unwanted, "caps").Any(capabilities.Contains) && !Strings(unwanted, "arches").Contains(OwnArchitecture)));
    }

    private static string OwnArchitecture => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "amd64";

    private static IEnumerable<string> Architectures(JsonElement root)
    {
        string own = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
        JsonElement map = Elements(root, "archMap").FirstOrDefault(map => map.GetProperty("architecture").GetString() == own);
        return map.ValueKind == JsonValueKind.Object ? [own, .. Strings(map, "subArchitectures")] : Strings(root, "architectures");
    }

    private static ConfigSyscallArgument Argument(JsonElement argument) => new(
        argument.GetProperty("index").GetUInt32(),
        argument.GetProperty("value").GetUInt64(),
        argument.TryGetProperty("valueTwo", out JsonElement second) ? second.GetUInt64() : null,
        argument.GetProperty("op").GetString()!);

    private static uint? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement number) && number.ValueKind == JsonValueKind.Number ? number.GetUInt32() : null;

    private static JsonElement[] Elements(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement array) && array.ValueKind == JsonValueKind.Array ? [.. array.EnumerateArray()] : [];

    private static IEnumerable<string> Strings(JsonElement element, string name) => Elements(element, name).Select(item => item.GetString() ?? "");
}
